-- The stable version anew, by the job's own settings: a FleetDeployment of its own, so that the job,
-- which belongs to Git, is not changed.
local os = require("os")
local stamp = os.date("!%Y%m%d%H%M%S")
local deployment = {
  apiVersion = "wavegate.dev/v1alpha1",
  kind = "FleetDeployment",
  metadata = {
    name = obj.metadata.name .. "-restart-" .. stamp,
    namespace = obj.metadata.namespace,
  },
  spec = { jobName = obj.metadata.name, type = "Restart" },
}
return { { operation = "create", resource = deployment } }

-- What status.conditions say of the spec as it is now.
local function condition(kind)
  for _, each in ipairs((obj.status or {}).conditions or {}) do
    if each.type == kind then
      return each
    end
  end
  return {}
end

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "Waiting for the operator to see this spec" }
end

local ready, stalled = condition("Ready"), condition("Stalled")
if stalled.status == "True" then
  return { status = "Degraded", message = stalled.message }
end
if ready.reason == "AwaitingPromotion" or ready.reason == "Paused" then
  return { status = "Suspended", message = ready.message }
end
if ready.status ~= "True" then
  return { status = "Progressing", message = ready.message or "The rollout has not begun" }
end
if ready.reason == "Suspended" or ready.reason == "Stopped" then
  return { status = "Suspended", message = ready.message }
end
return { status = "Healthy", message = ready.message }

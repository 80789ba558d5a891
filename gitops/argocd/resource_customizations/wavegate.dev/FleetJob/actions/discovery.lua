-- A Restart needs a version that was stable once, and none that is on its way.
local status = obj.status or {}
return { restart = { disabled = status.stableVersion == nil } }

local status = obj.status or {}
local open = status.state ~= "Completed" and status.state ~= "Failed" and status.state ~= "Canceled"
local wanted = open and obj.spec.type ~= "Stop" and not obj.spec.canceled

return {
  promote = { disabled = not (wanted and status.reason == "AwaitingPromotion" and not obj.spec.promoted) },
  pause = { disabled = not wanted or obj.spec.paused == true },
  resume = { disabled = not wanted or obj.spec.paused ~= true },
  cancel = { disabled = not open or obj.spec.canceled == true },
}

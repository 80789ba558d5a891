-- Take no further node; what runs goes on.
obj.spec.paused = true
return obj

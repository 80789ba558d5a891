-- End it where it is: no further node, no rollback. It cannot be taken back.
obj.spec.canceled = true
return obj

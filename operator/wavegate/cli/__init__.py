"""The command line ``wavegate``, also ``kubectl wavegate``.

`main` names the commands and loads one when it is used; `commands` has a file for each. What is
read of a cluster goes through `cluster`; whatever decides or words is pure and works on documents.
"""

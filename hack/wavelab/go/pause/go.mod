module wavelab/pause

go 1.25.0

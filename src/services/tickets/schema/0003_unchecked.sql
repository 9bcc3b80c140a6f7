-- Every purchase writes to it three times.
{{unchecked tickets}}

-- Every purchase writes to these several times.
{{unchecked orders}}
{{unchecked payments}}

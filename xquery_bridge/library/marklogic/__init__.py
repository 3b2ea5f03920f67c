"""MarkLogic's own namespaces: `map:`, `json:`, `xdmp:` of the 1.0-ml dialect."""

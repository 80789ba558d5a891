"""The documentation site: what MkDocs does not do by itself, and what it must not let through."""

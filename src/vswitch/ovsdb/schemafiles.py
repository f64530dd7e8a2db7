"""Where the schemas are that come with the product.  Who only names the file does without the rest of ovsdb."""

from __future__ import annotations


def schema_path(name: str) -> str:
    """The file of a schema: "vswitch", "vtep", "_server"."""
    return f"{__file__.rpartition('/')[0]}/schemas/{name}.ovsschema"

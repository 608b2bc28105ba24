"""Everything that reads or makes data in the SCAN layout, and the one loader of photos."""

from vslnb.data.photos import read_photo

__all__ = ["read_photo"]

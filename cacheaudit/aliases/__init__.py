"""Model names in code, configuration and data: where they stand, and what each of them is.

names     names in a text, with line and column        (pure)
forms     a name taken apart                            (pure)
ends      how far along a name's end is                 (pure)
standing  pinned, moving, retiring, ... on a day        (pure)
tree      which files are read                          (disk, git)
live      what the providers list now                   (network)
answered  which versions answered to a name             (usage, or a request table)
audit     names and standings together; what counts
"""

from .ends import Live
from .names import Place, names_in
from .standing import KINDS, Kind, Standing, standing

__all__ = ["KINDS", "Kind", "Live", "Place", "Standing", "names_in", "standing"]

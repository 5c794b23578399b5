"""The panel's pages of the readership: each subject has a module of its own."""

from readership.erasure_admin import ErasureRequestAdmin
from readership.merge_admin import ReaderMergeAdmin

__all__ = ["ErasureRequestAdmin", "ReaderMergeAdmin"]

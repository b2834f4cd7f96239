"""One method on many images: a result for each image and an index, resumable."""

from interp.run_folder.entry import FolderEntry
from interp.run_folder.run import INDEX, FolderRun, run_folder

__all__ = ["INDEX", "FolderEntry", "FolderRun", "run_folder"]

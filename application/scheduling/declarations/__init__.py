"""Tasks in files kept beside code: read from YAML, JSON or a crontab, and brought together with what there is."""

from application.scheduling.declarations.crontab import from_crontab
from application.scheduling.declarations.entry import Entry
from application.scheduling.declarations.merging import LastApplied, Merged, merged
from application.scheduling.declarations.reading import DeclaredFile, FileBody, file_in, json_file, yaml_file

__all__ = [
    "DeclaredFile",
    "Entry",
    "FileBody",
    "LastApplied",
    "Merged",
    "file_in",
    "from_crontab",
    "json_file",
    "merged",
    "yaml_file",
]

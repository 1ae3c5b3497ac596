"""Sound files, read to their end.

`reading` reads a sound; `lengths` and `streams` find out how long it should be, `mpeg` and `flac`
where a header does not tell.
"""

"""Contents of EEG files beyond what MNE-Python reads of them.

One module per property of a format: times of records, units and rates in EDF and its kin, files of
MATLAB 7.3, streams of XDF.
"""

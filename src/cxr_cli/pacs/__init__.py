"""Beside a PACS: results as DICOM objects of the film's study, and films over the network."""

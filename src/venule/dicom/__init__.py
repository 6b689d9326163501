"""Photographs from DICOM objects, and segmentations back to DICOM; needs the extra `dicom`."""

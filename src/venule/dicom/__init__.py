"""Photographs from DICOM objects, and segmentations back into them; needs the extra `dicom`."""

"""The commissioning sheet: what stands in it, what is judged, and how it is written as HTML and as PDF."""

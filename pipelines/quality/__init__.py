"""Quality tests of one series, in the sense of the IOOS QARTOD manuals."""

"""Rules about rivers, rain and flooded streets."""

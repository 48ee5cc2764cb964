"""What goes on in the picture: motion, water, a staff gauge."""

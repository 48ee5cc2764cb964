"""The page of `polegate camera aim`: a live picture, meters to focus and aim by, zones and masks to draw."""

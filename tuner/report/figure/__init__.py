"""What a picture of a search shows, in the units of its axes; `web` and `image` draw it."""

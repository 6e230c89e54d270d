"""WHO COMES IN: what networks and readers ask of one App, and the connections that they come by."""

"""Where the lungs are in a frontal film, and how well masks agree."""

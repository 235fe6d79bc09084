"""What reading frames needs: damaged ones, repeated times, transparency."""

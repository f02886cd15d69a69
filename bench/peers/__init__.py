"""Other programs over the same data, for figures from the same run. One that is not there is left out."""

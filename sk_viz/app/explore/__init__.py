"""The page Explore: how do the branch weights change with scale?"""

"""The page What if: does the choice matter?"""

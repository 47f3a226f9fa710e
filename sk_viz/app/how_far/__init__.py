"""The page How far: how much of the picture does a unit see?"""

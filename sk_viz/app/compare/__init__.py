"""The page Compare: what differs between two settings?"""

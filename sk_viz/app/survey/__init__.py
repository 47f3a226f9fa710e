"""The page Survey: is it true of many pictures?"""

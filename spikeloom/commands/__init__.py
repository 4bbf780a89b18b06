"""What each command of the command line does; :mod:`spikeloom.cli` parses and prints.

A command is the module of its name, whose function ``run`` takes the options and gives the exit
code and what to print. Only the module of the command that is asked for is imported.
"""

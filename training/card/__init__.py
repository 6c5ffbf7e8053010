"""The model card: what a model is for, how it was made, and how good it is.

After M. Mitchell et al., Model Cards for Model Reporting, FAT* 2019, and the cards of Hugging Face.
"""

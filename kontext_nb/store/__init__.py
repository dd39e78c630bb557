"""What is kept on disk: the ledger's rows and the pictures' files."""

"""RFT where the answer is a program: SVAMP's word problems, whose Python solutions run in the sandbox."""

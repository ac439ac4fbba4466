"""The script that merges an adapter before the next stage begins, for peers whose command line has none."""

MERGE = '''"""Merges the adapter of the first folder into its base, in fp32, and leaves a plain model in the second.

python merge.py models/sft models/sft-merged
"""

import json
import sys
from pathlib import Path

import torch
from peft import AutoPeftModelForCausalLM, AutoPeftModelForSequenceClassification
from transformers import AutoTokenizer

source, target = sys.argv[1:3]
adapter = json.loads((Path(source) / "adapter_config.json").read_text(encoding="utf-8"))
scores = adapter["task_type"] == "SEQ_CLS"
loader = AutoPeftModelForSequenceClassification if scores else AutoPeftModelForCausalLM
model = loader.from_pretrained(source, dtype=torch.float32, **({"num_labels": 1} if scores else {}))
model.merge_and_unload().save_pretrained(target)
AutoTokenizer.from_pretrained(source).save_pretrained(target)
'''

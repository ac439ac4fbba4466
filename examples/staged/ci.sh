#!/bin/sh
# What CI runs: the plan with a gate that this model cannot pass, which must stop it, and then the plan as it is.
set -eu
cd "$(dirname "$0")"

"${PYTHON:-python3}" make_rows.py

code=0
finetune-advisor run plan.yaml --set stages.after_sft.gate.min_pass_rate=0.95 --junit strict.xml || code=$?
if [ "$code" -ne 3 ]; then
    echo "the gate after SFT should have stopped the run with exit code 3, not $code" >&2
    exit 1
fi

# base, sft and after_sft are done: the gate is judged anew, and the run goes on behind it.
finetune-advisor run plan.yaml --junit gates.xml --events events.jsonl
finetune-advisor export plan.yaml --to model

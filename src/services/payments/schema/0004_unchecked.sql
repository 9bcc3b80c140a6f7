-- Every payment writes to these several times.
{{unchecked charges}}
{{unchecked order_copies}}
{{unchecked ledger}}

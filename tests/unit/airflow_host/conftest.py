import sys
from pathlib import Path

# With --import-mode=importlib, tests cannot import their neighbours otherwise.
sys.path.insert(0, str(Path(__file__).parent))

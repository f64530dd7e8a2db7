from dataclasses import MISSING as MISSING
from dataclasses import Field as Field
from dataclasses import dataclass as dataclass
from dataclasses import field as field
from dataclasses import fields as fields
from dataclasses import replace as replace

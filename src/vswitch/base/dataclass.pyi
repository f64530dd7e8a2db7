from vswitch.base.dataclass import MISSING as MISSING
from vswitch.base.dataclass import Field as Field
from vswitch.base.dataclass import dataclass as dataclass
from vswitch.base.dataclass import field as field
from vswitch.base.dataclass import fields as fields
from vswitch.base.dataclass import replace as replace

"""Usage in, diagnosis out: quality, incidents, causes, excess and recovery. Pure.

result     what a diagnosis says
tried      one incident against the catalogue, with its money and its recovery
judge      all of it
"""

from .judge import diagnose
from .result import Diagnosis, IncidentDiagnosis, incident_dict

__all__ = ["Diagnosis", "IncidentDiagnosis", "diagnose", "incident_dict"]

"""The form of an upload."""

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from crm.clock import today
from ledger.intake import mapping as mappings


class SeveralFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class SeveralFiles(forms.FileField):
    """One or more files; each is checked by itself."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        files = data if isinstance(data, list | tuple) else [data]
        return [super(SeveralFiles, self).clean(file, initial) for file in files]


class UploadForm(forms.Form):
    """Files of the core system with their mapping and business date (N1)."""

    files = SeveralFiles(label=_("Files"), help_text=_("CSV, TSV or XLSX, plain or zipped; UTF-8 or GB18030."))
    # Names of mapping files, not words of the interface.
    mapping = forms.ChoiceField(label=_("Mapping"), widget=forms.Select(attrs={"lang": "en"}))
    business_date = forms.DateField(
        label=_("Business date"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    dry_run = forms.BooleanField(
        label=_("Dry run"), required=False, help_text=_("Shows what would change, and changes nothing.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["mapping"].choices = [(name, name) for name in mappings.names()]
        self.fields["mapping"].initial = mappings.DEFAULT
        self.fields["business_date"].initial = today()

    def clean_business_date(self) -> date:
        found: date = self.cleaned_data["business_date"]
        if found > today():
            raise forms.ValidationError(_("The business date lies in the future; enter the day that the files report."))
        return found

    def clean_files(self) -> list[Any]:
        files: list[Any] = self.cleaned_data["files"]
        if sum(file.size for file in files) > settings.INTAKE_MAX_UPLOAD:
            limit = settings.INTAKE_MAX_UPLOAD // 2**20
            raise forms.ValidationError(
                _("Together the files exceed %(limit)s MB; send them in parts.") % {"limit": limit}
            )
        return files

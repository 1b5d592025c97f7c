# SPDX-License-Identifier: GPL-2.0-only
#
# Cuts the page of one verb out of vhdxsetup.8, which stays the only text: what
# the verb is, its lines of the synopsis, its own options, and examples of it.
#
# Usage: vhdxsetup help VERB | awk -v verb=VERB -f manual.awk - vhdxsetup.8
#
# The help says which options are the verb's; the page must have each of them.

# "  -r, --readonly    text" and, in the third line, what the verb does.
NR == FNR && FNR == 3 { sub(/^ +/, ""); summary = $0 }
NR == FNR && /^ +(-., )?--/ {
	match($0, /--[a-z-]+/)
	takes[substr($0, RSTART + 2, RLENGTH - 2)] = 1
}
NR == FNR { next }

FNR == 1 { print ".\\\" Made of vhdxsetup.8 by tools/manual.awk." }
/^\.Dd/ { date = $0 }

# Of the page on all verbs, .Nm is the program.
{ sub(/^\.Nm$/, ".Nm vhdxsetup"); sub(/^\.Nm ([.,;:])/, ".Nm vhdxsetup &")
	sub(/vhdxsetup \.Nm/, "vhdxsetup") }

# Sections that the page lacks are in the other.
/^\.Sx / { sub(/^\.Sx/, ".Dq"); $0 = $0 "\nin\n.Xr vhdxsetup 8" }

/^\.Sh / { section = substr($0, 5); depth = 0; on = 0; next }
/^\.Bl / && section != "SYNOPSIS" { depth++ }

section == "SYNOPSIS" && /^\.Nm/ { on = 0; held = $0; next }
section == "SYNOPSIS" && /^\.Pp/ { on = 0 }
section == "SYNOPSIS" && $1 == ".Cm" && $2 == verb {
	synopsis = synopsis held "\n"
	on = 1
}
section == "SYNOPSIS" { if (on) synopsis = synopsis $0 "\n" }

section == "VERBS" && depth == 1 && /^\.It Cm/ { on = $3 == verb; next }
section == "VERBS" && !(depth == 1 && /^\.(Bl|El)/) {
	if (on) description = description $0 "\n"
}

# An item that stands for several options is that of each.
section == "OPTIONS" && depth == 1 && /^\.It/ {
	on = 0
	for (i = 2; i < NF; i++)
		if ($i == "Fl" && $(i + 1) == "Fl" && ($(i + 2) in takes)) {
			on = 1
			seen[$(i + 2)] = 1
		}
}
section == "OPTIONS" && !(depth == 1 && /^\.(Bl|El)/) {
	if (on) options = options $0 "\n"
}

section == "EXIT STATUS" { status = status $0 "\n" }

# An example is the lines up to .Ed, and this verb's if it is called in it.
section == "EXAMPLES" {
	example = example $0 "\n"
	if (index($0, "vhdxsetup " verb " ")) on = 1
	if (/^\.Ed/) {
		sub(/^\.Pp\n/, "", example)
		if (on) examples = examples (examples ? ".Pp\n" : "") example
		example = ""
		on = 0
	}
}

/^\.El/ && section != "SYNOPSIS" { depth-- }

END {
	for (name in takes)
		if (!(name in seen)) {
			print "vhdxsetup.8 has no --" name >"/dev/stderr"
			exit 1
		}
	if (!synopsis || !description) {
		print "vhdxsetup.8 has no verb " verb >"/dev/stderr"
		exit 1
	}
	print date
	print ".Dt VHDXSETUP-" toupper(verb) " 8\n.Os\n.Sh NAME"
	print ".Nm vhdxsetup-" verb "\n.Nd " summary
	printf ".Sh SYNOPSIS\n%s.Sh DESCRIPTION\n%s", synopsis, description
	printf ".Sh OPTIONS\n.Bl -tag -width Ds\n%s.El\n", options
	printf ".Sh EXIT STATUS\n%s", status
	if (examples)
		printf ".Sh EXAMPLES\n%s", examples
	print ".Sh SEE ALSO\n.Xr vhdxsetup 8"
}

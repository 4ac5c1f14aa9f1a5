"""Given names that are common where the earlier tables of this platform come from.

A column of people's names is told by them: one value in three or so begins or ends with one of
these, while of words that are no names hardly any does. In lower case, without accents.
"""

from typing import Final

GIVEN_NAMES: Final = frozenset(
    """
    adam adrian agnes ahmed aisha alan albert alex alexander alexandra alexandre ali alice amelia
    amy ana anders andre andrea andreas andrew angela anita anja ann anna anne annie anouk anton
    antoine antonio arie arthur astrid barbara bart bas beatrice ben benjamin bernard bert bianca
    bob bram brian bruno camille carla carlos carmen caroline catherine cees cecile chantal
    charles charlotte chris christian christina christine christophe claire clara claude claudia
    cornelis cristina daan daniel daniela danielle david deborah dennis diana diego dirk dominique
    donald dorothy edith eduardo edward elena elisabeth elise elizabeth ellen els elsa emily emma
    eric erik ernst esther eva evelyn fatima felix femke fernando florian fran francisco francois
    frank franz frans fred frederic freek gabriel george georg gerard gerrit gert giovanni giulia
    giuseppe gloria grace greta guido guillaume gustav hanna hannah hans harry heidi heinz helen
    helena helga hendrik henk henri henry herman hilde hugo ibrahim ilse ines ingrid irene iris
    isabel isabelle ivan jaap jack jacob jacqueline jacques jakob james jan jana jane janet jean
    jeanne jelle jennifer jens jeroen jessica jesus jim joan joanna joao joe johan johanna
    johannes john jolanda jonas jonathan joris jorge jos jose josef josephine juan judith julia
    julian julie jurgen kai karel karen karin karl karolina kasper katarzyna kate katharina katrin
    kees kelly kevin khadija kim klaas klaus koen kristina lars laura laurent lea lena leo leon
    lieke linda lisa lise liesbeth lotte louis louise luca lucas lucia ludwig luis luisa lukas
    maarten magda manfred manon manuel marc marcel marco marek margaret margriet maria marianne
    marie marieke marija marijke marion mark marlies marta martha martin martina martine mary
    mathieu mathilde matthew matthias maud max mehmet melissa michael michel michele michelle
    miguel mohamed mohammed monica monika monique moritz muhammad nadia nancy natalia nathalie
    nicolas nicole niels nina noah nora olga oliver olivia olivier oscar otto pablo pamela pascal
    patricia patrick paul paula pauline pedro petra peter philip philippe pierre pieter piotr
    rachel rafael rainer ralf raul rebecca regina rene renate ricardo richard rik rita rob robert
    roberto robin roger roland ronald rosa rosemary ruben rudolf ruth ryan sabine samuel sander
    sandra sanne sara sarah sebastian sergio silvia simon simone sofia sofie sonja sophia sophie
    stefan steffi stephanie stephen steven stijn susan susanne sven sylvia tanja teresa teun theo
    theresa thierry thijs thomas tim tineke tobias tom tomas tomasz ulrich ursula valerie vera
    veronica veronique victor vincent virginie walter werner wilhelm willem william wim wolfgang
    wouter xavier yasmin youssef yvonne zoe
    """.split()
)

import type { Lang } from '../../lib/i18n';

interface Section {
  title: string;
  text: string[];
  list?: string[];
}

interface Statement {
  title: string;
  /** languages says in which languages the statement itself is, where this is none of them. */
  languages: string;
  sections: Section[];
  contactTitle: string;
  contactText: string;
  contactNone: string;
  appeal: string;
}

const nl: Statement = {
  title: 'Toegankelijkheidsverklaring',
  languages: '',
  sections: [
    {
      title: 'Waarover dit gaat',
      text: [
        'Deze verklaring geldt voor de pagina’s van deze toepassing. Zij volgt richtlijn (EU) 2016/2102 van 26 oktober 2016, artikel 7, en de ordonnantie van het Brussels Hoofdstedelijk Gewest van 4 oktober 2018 over de toegankelijkheid van websites en mobiele applicaties van de gewestelijke overheidsinstanties en de gemeenten. Een jurist heeft deze verwijzingen nog niet nagekeken.',
      ],
    },
    {
      title: 'Hoe toegankelijk de pagina’s zijn',
      text: ['De pagina’s zijn gebouwd volgens WCAG 2.2, niveau AA (EN 301 549 v3.2.1). Zij voldoen gedeeltelijk, om de redenen hieronder.'],
      list: [
        'Wie een overtreding beoordeelt, moet de foto zien: van wat erop staat bestaat geen beschrijving in woorden.',
        'De foto van een te beoordelen dossier past zich niet aan een smal scherm aan; de rest van de pagina wel.',
        'Zonder Chromium op de server heeft een bewijsbundel geen pdf. De HTML in de bundel is het toegankelijke origineel.',
        'Sommige technische uitleg van de server is alleen in het Engels.',
      ],
    },
    {
      title: 'Hoe dit werd nagegaan',
      text: [
        'Bij elke wijziging: automatisch met axe-core in Chromium, op elke pagina, in het Nederlands en het Frans, licht en donker; met het toetsenbord alleen; op 320 pixels breed en met tekst van dubbele grootte.',
        'Met de schermlezers NVDA en Orca is de toepassing nog niet door mensen nagegaan.',
        'Deze verklaring is opgesteld op 29 november 2026, na een zelfbeoordeling.',
      ],
    },
  ],
  contactTitle: 'Iets werkt niet voor u?',
  contactText: 'Meld het, met de pagina en wat u wilde doen. U kunt dezelfde informatie ook in een andere vorm vragen.',
  contactNone: 'De beheerder van deze server heeft nog geen adres opgegeven. Vraag het aan uw supervisor.',
  appeal: 'Krijgt u geen bruikbaar antwoord, dan kunt u zich wenden tot de ombudsdienst die voor uw overheid bevoegd is.',
};

const fr: Statement = {
  title: 'Déclaration d’accessibilité',
  languages: '',
  sections: [
    {
      title: 'Ce qu’elle couvre',
      text: [
        'Cette déclaration porte sur les pages de cette application. Elle suit la directive (UE) 2016/2102 du 26 octobre 2016, article 7, et l’ordonnance de la Région de Bruxelles-Capitale du 4 octobre 2018 relative à l’accessibilité des sites internet et applications mobiles des organismes publics régionaux et des communes. Un juriste n’a pas encore vérifié ces références.',
      ],
    },
    {
      title: 'Degré d’accessibilité',
      text: ['Les pages sont conçues selon WCAG 2.2, niveau AA (EN 301 549 v3.2.1). Elles sont partiellement conformes, pour les raisons ci-dessous.'],
      list: [
        'Pour juger une infraction, il faut voir la photo : ce qu’elle montre n’est pas décrit en mots.',
        'La photo d’un dossier à décider ne s’adapte pas à un écran étroit ; le reste de la page, oui.',
        'Sans Chromium sur le serveur, un dossier de preuves n’a pas de PDF. Le HTML qu’il contient est l’original accessible.',
        'Certaines explications techniques du serveur n’existent qu’en anglais.',
      ],
    },
    {
      title: 'Comment cela a été vérifié',
      text: [
        'À chaque modification : automatiquement avec axe-core dans Chromium, sur chaque page, en néerlandais et en français, en clair et en sombre ; au clavier seul ; à 320 pixels de large et avec un texte de taille double.',
        'L’application n’a pas encore été vérifiée par des personnes avec les lecteurs d’écran NVDA et Orca.',
        'Cette déclaration a été établie le 29 novembre 2026, après une auto-évaluation.',
      ],
    },
  ],
  contactTitle: 'Quelque chose ne fonctionne pas pour vous ?',
  contactText: 'Signalez-le, avec la page et ce que vous vouliez faire. Vous pouvez aussi demander la même information sous une autre forme.',
  contactNone: 'Le gestionnaire de ce serveur n’a pas encore indiqué d’adresse. Adressez-vous à votre superviseur.',
  appeal: 'Sans réponse utile, vous pouvez vous adresser au service de médiation compétent pour votre autorité.',
};

const en: Statement = {
  title: 'Accessibility statement',
  languages: 'The statement itself is in Dutch and French; this is its translation.',
  sections: [
    {
      title: 'What it covers',
      text: [
        'This statement is about the pages of this application. It follows Directive (EU) 2016/2102 of 26 October 2016, article 7, and the ordinance of the Brussels-Capital Region of 4 October 2018 on the accessibility of websites and mobile applications of regional public bodies and municipalities. No jurist has checked these references yet.',
      ],
    },
    {
      title: 'How accessible the pages are',
      text: ['The pages are built to WCAG 2.2, level AA (EN 301 549 v3.2.1). They conform partially, for the reasons below.'],
      list: [
        'Who judges an offence must see the picture: what it shows is not described in words.',
        'The picture of a case to decide does not adapt to a narrow screen; the rest of the page does.',
        'Without Chromium on the server an evidence bundle has no PDF. The HTML in the bundle is the accessible original.',
        'Some technical explanations of the server are in English only.',
      ],
    },
    {
      title: 'How this was checked',
      text: [
        'With each change: automatically with axe-core in Chromium, on each page, in Dutch and French, light and dark; by keyboard alone; at 320 pixels and with text of twice the size.',
        'People have not yet checked the application with the screen readers NVDA and Orca.',
        'This statement was made on 29 November 2026, after a self-assessment.',
      ],
    },
  ],
  contactTitle: 'Something does not work for you?',
  contactText: 'Report it, with the page and what you wanted to do. You can also ask for the same information in another form.',
  contactNone: 'The operator of this server has not given an address yet. Ask your supervisor.',
  appeal: 'Without a useful answer you may turn to the ombudsman of your authority.',
};

const all: Record<Lang, Statement> = { nl, fr, en };

/** textsOf is the statement in a language of the pages. */
export const textsOf = (lang: Lang): Statement => all[lang];

package gateway

import "github.com/gvc-brussels/anpr/schemas/proto/anprv1"

// hikvisionCountries is the vendor's list of countries by number (ISAPI, CRIndex), from 0 to 258, as ISO 3166-1
// alpha-2. An empty entry is reserved or has no code: 96 is Sikkim, 209 the Netherlands Antilles.
var hikvisionCountries = [...]string{
	1: "CZ", 2: "FR", 3: "DE", 4: "ES", 5: "IT", 6: "NL", 7: "PL", 8: "SK", 9: "BY", 10: "MD", 11: "RU", 12: "UA",
	13: "BE", 14: "BG", 15: "DK", 16: "FI", 17: "GB", 18: "GR", 19: "HR", 20: "HU", 21: "IL", 22: "LU", 23: "MK",
	24: "NO", 25: "PT", 26: "RO", 27: "RS", 28: "AZ", 29: "GE", 30: "KZ", 31: "LT", 32: "TM", 33: "UZ", 34: "LV",
	35: "EE", 36: "AL", 37: "AT", 38: "BA", 39: "IE", 40: "IS", 41: "VA", 42: "MT", 43: "SE", 44: "CH", 45: "CY",
	46: "TR", 47: "SI", 48: "ME", 49: "XK", 50: "AD", 51: "AM", 52: "MC", 53: "LI", 54: "SM", 59: "CN", 60: "BH",
	61: "KR", 62: "LB", 63: "NP", 64: "TH", 65: "PK", 66: "AE", 67: "BT", 68: "OM", 69: "KP", 70: "PH", 71: "KH",
	72: "QA", 73: "KG", 74: "MV", 75: "MY", 76: "MN", 77: "SA", 78: "BN", 79: "LA", 80: "JP", 81: "TR", 82: "PS",
	83: "TJ", 84: "KW", 85: "SY", 86: "IN", 87: "ID", 88: "AF", 89: "LK", 90: "IQ", 91: "VN", 92: "IR", 93: "YE",
	94: "JO", 95: "MM", 97: "BD", 98: "SG", 99: "TL", 104: "EG", 105: "LY", 106: "SD", 107: "TN", 108: "DZ",
	109: "MA", 110: "ET", 111: "ER", 112: "SO", 113: "DJ", 114: "KE", 115: "TZ", 116: "UG", 117: "RW", 118: "BI",
	119: "SC", 120: "TD", 121: "CF", 122: "CM", 123: "GQ", 124: "GA", 125: "CG", 126: "CD", 127: "ST", 128: "MR",
	129: "EH", 130: "SN", 131: "GM", 132: "ML", 133: "BF", 134: "GN", 135: "GW", 136: "CV", 137: "SL", 138: "LR",
	139: "CI", 140: "GH", 141: "TG", 142: "BJ", 143: "NE", 144: "ZM", 145: "AO", 146: "ZW", 147: "MW", 148: "MZ",
	149: "BW", 150: "NA", 151: "ZA", 152: "SZ", 153: "LS", 154: "MG", 155: "KM", 156: "MU", 157: "NG", 158: "SS",
	159: "SH", 160: "YT", 161: "RE", 162: "ES", 163: "PT", 164: "PT", 169: "CA", 170: "GL", 171: "PM", 172: "US",
	173: "BM", 174: "MX", 175: "GT", 176: "BZ", 177: "SV", 178: "HN", 179: "NI", 180: "CR", 181: "PA", 182: "BS",
	183: "TC", 184: "CU", 185: "JM", 186: "KY", 187: "HT", 188: "DO", 189: "PR", 190: "VI", 191: "VG", 192: "AI",
	193: "AG", 194: "MF", 195: "SX", 196: "BL", 197: "KN", 198: "MS", 199: "GP", 200: "DM", 201: "MQ", 202: "LC",
	203: "VC", 204: "GD", 205: "BB", 206: "TT", 207: "CW", 208: "AW", 210: "CO", 211: "VE", 212: "GY", 213: "SR",
	214: "GF", 215: "EC", 216: "PE", 217: "BO", 218: "PY", 219: "CL", 220: "BR", 221: "UY", 222: "AR", 227: "AU",
	228: "NZ", 229: "PG", 230: "SB", 231: "VU", 232: "NC", 233: "PW", 234: "FM", 235: "MH", 236: "MP", 237: "GU",
	238: "NR", 239: "KI", 240: "FJ", 241: "TO", 242: "TV", 243: "WF", 244: "WS", 245: "AS", 246: "TK", 247: "NU",
	248: "CK", 249: "PF", 250: "PN", 251: "US", 256: "TW", 257: "HK", 258: "MO",
}

// hikvisionNames maps European names in the same list, folded: some firmware writes the name instead of the number.
var hikvisionNames = map[string]string{
	"czechrepublic": "CZ", "france": "FR", "germany": "DE", "spain": "ES", "italy": "IT", "netherlands": "NL",
	"poland": "PL", "slovakia": "SK", "belarus": "BY", "moldova": "MD", "russia": "RU", "ukraine": "UA",
	"belgium": "BE", "bulgaria": "BG", "denmark": "DK", "finland": "FI", "unitedkingdom": "GB", "greatbritain": "GB",
	"greece": "GR", "croatia": "HR", "hungary": "HU", "luxembourg": "LU", "macedonia": "MK", "northmacedonia": "MK",
	"norway": "NO", "portugal": "PT", "portuga": "PT", "romania": "RO", "serbia": "RS", "lithuania": "LT",
	"latvia": "LV", "estonia": "EE", "albania": "AL", "austria": "AT", "bosniaandherzegovina": "BA", "ireland": "IE",
	"iceland": "IS", "vatican": "VA", "malta": "MT", "sweden": "SE", "switzerland": "CH", "cyprus": "CY",
	"turkey": "TR", "slovenia": "SI", "montenegro": "ME", "kosovo": "XK", "andorra": "AD", "monaco": "MC",
	"liechtenstein": "LI", "sanmarino": "SM",
}

// hikvisionNoCountry lists the vendor's words and numbers for an unknown country: 0 not supported, 254 not recognised,
// 255 all. 253 is absent: the real number is then in CRIndex.
var hikvisionNoCountry = map[string]bool{"": true, "0": true, "254": true, "255": true, "unknown": true}

// hikvisionKinds maps the vendor's words in vehicleType, folded. Doubts about weight are judged in the driver's
// favour. A light truck may weigh above 3.5 t and counts as a truck; a micro truck cannot, and counts as a van. A
// motorVehicle is any motor vehicle; a large vehicle in older firmware counts as a truck.
var hikvisionKinds = map[string]anprv1.VehicleKind{
	"unknown":      anprv1.VehicleKind_VEHICLE_KIND_UNSPECIFIED,
	"motorvehicle": anprv1.VehicleKind_VEHICLE_KIND_UNSPECIFIED, "vehicle": anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"saloon": anprv1.VehicleKind_VEHICLE_KIND_CAR, "smallcar": anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"minicar": anprv1.VehicleKind_VEHICLE_KIND_CAR, "hatchback": anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"coupe": anprv1.VehicleKind_VEHICLE_KIND_CAR, "suvmpv": anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"van": anprv1.VehicleKind_VEHICLE_KIND_VAN, "pickuptruck": anprv1.VehicleKind_VEHICLE_KIND_VAN,
	"buggy": anprv1.VehicleKind_VEHICLE_KIND_VAN, "buggycar": anprv1.VehicleKind_VEHICLE_KIND_VAN,
	"minitruck": anprv1.VehicleKind_VEHICLE_KIND_VAN, "minibus": anprv1.VehicleKind_VEHICLE_KIND_BUS,
	"mediumbus": anprv1.VehicleKind_VEHICLE_KIND_BUS, "largebus": anprv1.VehicleKind_VEHICLE_KIND_BUS,
	"bus": anprv1.VehicleKind_VEHICLE_KIND_BUS, "lighttruck": anprv1.VehicleKind_VEHICLE_KIND_TRUCK,
	"truck": anprv1.VehicleKind_VEHICLE_KIND_TRUCK, "mediumheavytruck": anprv1.VehicleKind_VEHICLE_KIND_TRUCK,
	"containertruck": anprv1.VehicleKind_VEHICLE_KIND_TRUCK, "oiltanktruck": anprv1.VehicleKind_VEHICLE_KIND_TRUCK,
	"concretemixer": anprv1.VehicleKind_VEHICLE_KIND_TRUCK, "slagtruck": anprv1.VehicleKind_VEHICLE_KIND_TRUCK,
	"platformtrailer": anprv1.VehicleKind_VEHICLE_KIND_TRUCK, "crane": anprv1.VehicleKind_VEHICLE_KIND_TRUCK,
	"twowheelvehicle":   anprv1.VehicleKind_VEHICLE_KIND_MOTORCYCLE,
	"threewheelvehicle": anprv1.VehicleKind_VEHICLE_KIND_MOTORCYCLE,
	// Older firmware sends numbers in vehicleInfo/vehicleType: other, small, large, two wheels, three wheels, motor
	// vehicle. 3 is a pedestrian.
	"0": anprv1.VehicleKind_VEHICLE_KIND_UNSPECIFIED, "1": anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"2": anprv1.VehicleKind_VEHICLE_KIND_TRUCK, "4": anprv1.VehicleKind_VEHICLE_KIND_MOTORCYCLE,
	"5": anprv1.VehicleKind_VEHICLE_KIND_MOTORCYCLE, "6": anprv1.VehicleKind_VEHICLE_KIND_UNSPECIFIED,
}

// hikvisionUses maps words in vehicleUseType to a vehicle kind. A taxi or an ambulance may be a car or a van.
var hikvisionUses = map[string]anprv1.VehicleKind{
	"bus": anprv1.VehicleKind_VEHICLE_KIND_BUS, "schoolbus": anprv1.VehicleKind_VEHICLE_KIND_BUS,
	"coach": anprv1.VehicleKind_VEHICLE_KIND_BUS,
}

// hikvisionNoVehicle lists words in vehicleType for road users without a registration.
var hikvisionNoVehicle = map[string]bool{"nonmotorvehicle": true, "pedestrian": true, "3": true}

// hikvisionStates lists the event types, folded, in which a device reports on itself. A detector saw all other events.
var hikvisionStates = map[string]bool{
	"videoloss": true, "diskfull": true, "diskerror": true, "diskunformat": true, "nicbroken": true,
	"ipconflict": true, "illaccess": true, "videomismatch": true, "badvideo": true, "recordingfailure": true,
	"recordexception": true, "tamperdetection": true, "shelteralarm": true, "scenechangedetection": true,
	"defocus": true, "storagedetection": true, "audioexception": true, "io": true, "poeoverload": true,
	"spareexception": true, "raidexception": true, "resolutionmismatch": true, "voltageinstable": true,
	"deviceexception": true,
}

package gateway

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// hikvisionList is the vendor's list of countries as it is published: number and ISO code, "-" for what has none.
const hikvisionList = `0 - 1 CZ 2 FR 3 DE 4 ES 5 IT 6 NL 7 PL 8 SK 9 BY 10 MD 11 RU 12 UA 13 BE 14 BG 15 DK 16 FI 17 GB 18 GR 19 HR 20 HU 21 IL 22 LU 23 MK
24 NO 25 PT 26 RO 27 RS 28 AZ 29 GE 30 KZ 31 LT 32 TM 33 UZ 34 LV 35 EE 36 AL 37 AT 38 BA 39 IE 40 IS 41 VA 42 MT 43 SE 44 CH 45 CY 46 TR 47 SI 48 ME
49 XK 50 AD 51 AM 52 MC 53 LI 54 SM 55 - 56 - 57 - 58 - 59 CN 60 BH 61 KR 62 LB 63 NP 64 TH 65 PK 66 AE 67 BT 68 OM 69 KP 70 PH 71 KH 72 QA 73 KG
74 MV 75 MY 76 MN 77 SA 78 BN 79 LA 80 JP 81 TR 82 PS 83 TJ 84 KW 85 SY 86 IN 87 ID 88 AF 89 LK 90 IQ 91 VN 92 IR 93 YE 94 JO 95 MM 96 - 97 BD 98 SG
99 TL 100 - 101 - 102 - 103 - 104 EG 105 LY 106 SD 107 TN 108 DZ 109 MA 110 ET 111 ER 112 SO 113 DJ 114 KE 115 TZ 116 UG 117 RW 118 BI 119 SC 120 TD
121 CF 122 CM 123 GQ 124 GA 125 CG 126 CD 127 ST 128 MR 129 EH 130 SN 131 GM 132 ML 133 BF 134 GN 135 GW 136 CV 137 SL 138 LR 139 CI 140 GH 141 TG
142 BJ 143 NE 144 ZM 145 AO 146 ZW 147 MW 148 MZ 149 BW 150 NA 151 ZA 152 SZ 153 LS 154 MG 155 KM 156 MU 157 NG 158 SS 159 SH 160 YT 161 RE 162 ES
163 PT 164 PT 165 - 166 - 167 - 168 - 169 CA 170 GL 171 PM 172 US 173 BM 174 MX 175 GT 176 BZ 177 SV 178 HN 179 NI 180 CR 181 PA 182 BS 183 TC 184 CU
185 JM 186 KY 187 HT 188 DO 189 PR 190 VI 191 VG 192 AI 193 AG 194 MF 195 SX 196 BL 197 KN 198 MS 199 GP 200 DM 201 MQ 202 LC 203 VC 204 GD 205 BB
206 TT 207 CW 208 AW 209 - 210 CO 211 VE 212 GY 213 SR 214 GF 215 EC 216 PE 217 BO 218 PY 219 CL 220 BR 221 UY 222 AR 223 - 224 - 225 - 226 - 227 AU
228 NZ 229 PG 230 SB 231 VU 232 NC 233 PW 234 FM 235 MH 236 MP 237 GU 238 NR 239 KI 240 FJ 241 TO 242 TV 243 WF 244 WS 245 AS 246 TK 247 NU 248 CK
249 PF 250 PN 251 US 252 - 253 - 254 - 255 - 256 TW 257 HK 258 MO`

func TestEveryHikvisionCountryNumberIsRead(t *testing.T) {
	fields := strings.Fields(hikvisionList)
	if len(fields) != 2*259 {
		t.Fatalf("the list has %d numbers, want 259", len(fields)/2)
	}
	for i := 0; i < len(fields); i += 2 {
		number, want := fields[i], strings.Trim(fields[i+1], "-")
		if number != strconv.Itoa(i/2) {
			t.Fatalf("number %s is at place %d", number, i/2)
		}
		index := "<CRIndex>" + number + "</CRIndex>"
		for name, with := range map[string]string{
			"country alone":             "<country>" + number + "</country>",
			"CRIndex alone":             index,
			"CRIndex beside 253":        "<country>253</country>" + index,
			"CRIndex beside the same":   index + "<country>" + number + "</country>",
			"CRIndex beside not known":  "<country>254</country>" + index,
			"CRIndex before an ISO-CR":  "<ISO-CR></ISO-CR>" + index,
			"CRIndex before the region": "<region>EU</region>" + index,
		} {
			if name == "country alone" && i/2 > 255 {
				continue // it says 253
			}
			ev := single(t, "hikvision", "", []byte(replaced("<country>13</country>", with)))
			if ev.Read.Country != want {
				t.Errorf("%s, %s: got %q, want %q", number, name, ev.Read.Country, want)
			}
			said := !slices.Contains([]string{"0", "254", "255"}, number) || name == "CRIndex beside 253"
			if noted := slices.Contains(ev.Notices, NoticeCountry); noted != (want == "" && said) {
				t.Errorf("%s, %s: country %q with notes %v", number, name, ev.Read.Country, ev.Notices)
			}
		}
	}
	for with, want := range map[string]string{
		"<ISO-CR>AT</ISO-CR>": "AT", "<ISO-CR>at</ISO-CR><country>253</country>": "AT", "<CRIndex>37</CRIndex><country>13</country>": "AT",
		"<CRIndex>259</CRIndex>": "", "<country>-1</country>": "", "<country>BEL</country>": "BE", "<country>unknown</country>": "", "": "",
		"<country>Poland</country>": "PL", "<country>belgium</country>": "BE", "<country>Czech Republic</country>": "CZ", "<country>United Kingdom</country>": "GB",
	} {
		if got := single(t, "hikvision", "", []byte(replaced("<country>13</country>", with))).Read.Country; got != want {
			t.Errorf("%s: got %q, want %q", with, got, want)
		}
	}
}

// hikvisionWords are the vendor's words of vehicleType with what they mean here.
var hikvisionWords = map[string]schemas.VehicleKind{
	"unknown": schemas.KindUnknown, "motorVehicle": schemas.KindUnknown,
	"vehicle": schemas.KindCar, "saloon": schemas.KindCar, "smallCar": schemas.KindCar, "miniCar": schemas.KindCar, "hatchback": schemas.KindCar,
	"coupe": schemas.KindCar, "SUVMPV": schemas.KindCar,
	"van": schemas.KindVan, "pickupTruck": schemas.KindVan, "buggy": schemas.KindVan, "minitruck": schemas.KindVan,
	"minibus": schemas.KindBus, "mediumBus": schemas.KindBus, "largeBus": schemas.KindBus, "bus": schemas.KindBus,
	"lightTruck": schemas.KindTruck, "truck": schemas.KindTruck, "mediumHeavyTruck": schemas.KindTruck, "containerTruck": schemas.KindTruck,
	"oilTankTruck": schemas.KindTruck, "concreteMixer": schemas.KindTruck, "slagTruck": schemas.KindTruck, "platformTrailer": schemas.KindTruck,
	"crane": schemas.KindTruck, "twoWheelVehicle": schemas.KindMotorcycle, "threeWheelVehicle": schemas.KindMotorcycle,
}

func TestEveryHikvisionVehicleWordIsKnown(t *testing.T) {
	kind := func(fields string) *CameraEvent {
		return single(t, "hikvision", "", []byte(replaced("<line>", fields+"<line>")))
	}
	for word, want := range hikvisionWords {
		for _, spelt := range []string{word, strings.ToUpper(word), strings.ToLower(word)} {
			ev := kind("<vehicleType>" + spelt + "</vehicleType>")
			if got := schemas.VehicleKind(ev.Read.VehicleKind); got != want || len(ev.Notices) > 0 {
				t.Errorf("%s: got %s with notes %v, want %s", spelt, got, ev.Notices, want)
			}
		}
	}
	for number, want := range map[string]schemas.VehicleKind{
		"0": schemas.KindUnknown, "1": schemas.KindCar, "2": schemas.KindTruck, "4": schemas.KindMotorcycle, "5": schemas.KindMotorcycle, "6": schemas.KindUnknown,
	} {
		ev := single(t, "hikvision", "", []byte(replaced("<speed>57</speed>", "<vehicleType>"+number+"</vehicleType>")))
		if got := schemas.VehicleKind(ev.Read.VehicleKind); got != want || len(ev.Notices) > 0 {
			t.Errorf("vehicleInfo/vehicleType %s: got %s with notes %v, want %s", number, got, ev.Notices, want)
		}
	}
	for fields, want := range map[string]schemas.VehicleKind{
		"<twoWheelVehicle>yes</twoWheelVehicle>": schemas.KindMotorcycle, "<threeWheelVehicle>yes</threeWheelVehicle>": schemas.KindMotorcycle,
		"<twoWheelVehicle>no</twoWheelVehicle>":                                                   schemas.KindUnknown,
		"<vehicleInfo><vehicleUseType>schoolBus</vehicleUseType></vehicleInfo>":                   schemas.KindBus,
		"<vehicleInfo><vehicleUseType>taxi</vehicleUseType></vehicleInfo>":                        schemas.KindUnknown,
		"<vehicleType>truck</vehicleType><vehicleInfo><vehicleType>1</vehicleType></vehicleInfo>": schemas.KindTruck,
	} {
		if got := schemas.VehicleKind(kind(fields).Read.VehicleKind); got != want {
			t.Errorf("%s: got %s, want %s", fields, got, want)
		}
	}
	if ev := kind("<vehicleType>hovercraft</vehicleType>"); ev.Read.VehicleKind != 0 || !slices.Contains(ev.Notices, NoticeKind) {
		t.Errorf("a word of no list: got %s with notes %v, want a note", ev.Read.VehicleKind, ev.Notices)
	}
	for _, word := range []string{"nonmotorVehicle", "pedestrian"} {
		events, _ := parseUpload("hikvision", "", []byte(replaced("<line>", "<vehicleType>"+word+"</vehicleType><line>")))
		if len(events) != 1 || events[0].Ignored != IgnoredNoVehicle {
			t.Errorf("%s: got %s, want it ignored", word, render(events))
		}
	}
}

func TestEveryHikvisionDirectionIsKnown(t *testing.T) {
	for word, want := range map[string]anprv1.Direction{
		"forward": anprv1.Direction_DIRECTION_APPROACHING, "reverse": anprv1.Direction_DIRECTION_DEPARTING,
		"unknown": anprv1.Direction_DIRECTION_UNSPECIFIED, "": anprv1.Direction_DIRECTION_UNSPECIFIED,
	} {
		if ev := single(t, "hikvision", "", []byte(replaced("forward", word))); ev.Read.Direction != want || len(ev.Notices) > 0 {
			t.Errorf("%q: got %s with notes %v, want %s", word, ev.Read.Direction, ev.Notices, want)
		}
	}
}

func TestEveryOtherHikvisionEventIsIgnored(t *testing.T) {
	for word, want := range map[string]IgnoredKind{
		"heartBeat": IgnoredHeartbeat, "videoloss": IgnoredState, "diskfull": IgnoredState, "diskerror": IgnoredState, "nicbroken": IgnoredState,
		"ipconflict": IgnoredState, "illaccess": IgnoredState, "tamperdetection": IgnoredState, "shelteralarm": IgnoredState, "IO": IgnoredState,
		"fielddetection": IgnoredDetection, "linedetection": IgnoredDetection, "duration": IgnoredDetection, "VMD": IgnoredDetection,
		"regionEntrance": IgnoredDetection, "regionExiting": IgnoredDetection, "facedetection": IgnoredDetection, "PIR": IgnoredDetection,
		"loitering": IgnoredDetection, "parking": IgnoredDetection, "mixedTargetDetection": IgnoredDetection, "aWordOfNextYear": IgnoredDetection,
	} {
		events, rej := parseUpload("hikvision", "", fmt.Appendf(nil, "<EventNotificationAlert><eventType>%s</eventType><eventState>active</eventState></EventNotificationAlert>", word))
		if rej != nil || len(events) != 1 || events[0].Ignored != want {
			t.Errorf("%s: got %s (%v), want it ignored as %s", word, render(events), rej, want)
		}
	}
}

func TestThePlateIsReadUnderEveryNameOfHikvisionFirmware(t *testing.T) {
	for _, name := range hikvisionPlateNames {
		with := "<" + name + ">1ABC123</" + name + ">"
		if ev := single(t, "hikvision", "", []byte(replaced("<licensePlate>1ABC123</licensePlate>", with))); ev.Read.RawPlate != "1ABC123" || len(ev.Read.Candidates) > 0 {
			t.Errorf("%s: got %s", name, render([]*CameraEvent{ev}))
		}
		events, _ := parseUpload("hikvision", "", []byte(replaced("<licensePlate>1ABC123</licensePlate>", "<"+name+"/>")))
		if len(events) != 1 || !events[0].isUnread() {
			t.Errorf("%s, empty: got %s, want an unread plate", name, render(events))
		}
	}
}

func TestAGermanUmlautIsOnePlateInEveryWriting(t *testing.T) {
	for _, c := range []struct{ plate, original, want string }{
		{"OE-AB 123", "Ö-AB 123", "Ö-AB 123"},
		{"OEAB123", "ÖAB123", "ÖAB123"},
		{"OAB123", "ÖAB123", "ÖAB123"},
		{"ÖAB123", "ÖAB123", "ÖAB123"},
		{"GUEX1", "GüX1", "GÜX1"},
		{"LOEAE1", "LÖÄ1", "LÖÄ1"},
		{"BLOE918", "BL\uFFFD918", "BLÖ918"},
		{"BLO918", "BL\uFFFD918", "BLÖ918"},
		{"OEAB123", "OEAB123", "OEAB123"},
		{"OEAB123", "XAB123", "OEAB123"},
		{"OEAB123", "Ö", "OEAB123"},
		{"1ABC123", "", "1ABC123"},
	} {
		ev := single(t, "hikvision", "", []byte(strings.NewReplacer("<country>13</country>", "", "<licensePlate>1ABC123", "<originalLicensePlate>"+c.original+"</originalLicensePlate><licensePlate>"+c.plate).Replace(hik)))
		country := map[bool]string{true: "DE"}[strings.ContainsAny(c.want, "ÄÖÜ")]
		if ev.Read.RawPlate != c.want || ev.Read.Country != country {
			t.Errorf("%s beside %s: got %s of %q, want %s of %q", c.plate, c.original, ev.Read.RawPlate, ev.Read.Country, c.want, country)
		}
		for _, other := range ev.Read.Candidates {
			if strings.Contains(other.Plate, "\uFFFD") {
				t.Errorf("%s: candidate %q is no text", c.plate, other.Plate)
			}
		}
	}
	if ev := single(t, "hikvision", "", []byte(replaced("<licensePlate>1ABC123", "<originalLicensePlate>Ö1</originalLicensePlate><licensePlate>OE1"))); ev.Read.Country != "BE" {
		t.Errorf("a country that the camera says: got %s, want it kept", ev.Read.Country)
	}
}

func TestFurtherPlatesOfAVehicleAreReadsWithoutItsSpeed(t *testing.T) {
	list := "<PlateInfoList><PlateInfo><licensePlate>1ABC123</licensePlate></PlateInfo><PlateInfo><licensePlate>QABC12</licensePlate><confidenceLevel>77</confidenceLevel></PlateInfo>" +
		"<PlateInfo><licensePlate>33 1203</licensePlate></PlateInfo><PlateInfo><licensePlate>X423/1428</licensePlate></PlateInfo><PlateInfo><licensePlate>unknown</licensePlate></PlateInfo></PlateInfoList>"
	for _, body := range []string{replaced("</ANPR>", list+"</ANPR>"), replaced("</ANPR>", "</ANPR>"+list)} {
		events, rej := parseUpload("hikvision", "", []byte(body))
		if rej != nil || len(events) != 2 || events[0].Read.RawPlate != "1ABC123" || events[0].Read.SpeedDkmh != 570 {
			t.Fatalf("got %s (%v), want the plate and one more", render(events), rej)
		}
		if r := events[1].Read; r.RawPlate != "QABC12" || r.SpeedDkmh != 0 || r.ConfidencePm != 770 || r.CameraEventId != "u1" || events[1].stated != events[0].stated {
			t.Errorf("got %s", render(events[1:]))
		}
	}
}

func TestEveryAnnouncedPictureThatIsNotStoredHasANote(t *testing.T) {
	list := func(fields ...string) string {
		return replaced("</ANPR>", "<pictureInfoList><pictureInfo>"+strings.Join(fields, "</pictureInfo><pictureInfo>")+"</pictureInfo></pictureInfoList></ANPR>")
	}
	const here, there = "<fileName>detectionPicture.jpg</fileName><dataType>0</dataType>", "<fileName>licensePlatePicture.jpg</fileName><dataType>1</dataType><pictureURL>http://192.0.2.10/1.jpg</pictureURL>"
	for _, c := range []struct {
		body     string
		pictures int
		want     []Notice
	}{
		{list(here), 1, nil},
		{list(here), 0, []Notice{NoticeImageMissing}},
		{list(here, here), 1, []Notice{NoticeImageMissing}},
		{list(there), 0, []Notice{NoticeImageAddress}},
		{list(there, here), 1, []Notice{NoticeImageAddress}},
		{list(there, here), 0, []Notice{NoticeImageAddress, NoticeImageMissing}},
		{hik, 0, nil},
		{hik, 1, nil},
	} {
		parts := []one{{`name="anpr.xml"`, "text/xml", []byte(c.body)}}
		for i := range c.pictures {
			parts = append(parts, one{fmt.Sprintf(`name="p%d.jpg"; filename="p%d.jpg"`, i, i), "image/jpeg", jpeg})
		}
		kind, body := multi(t, parts...)
		if ev := single(t, "hikvision", kind, body); !slices.Equal(ev.Notices, c.want) {
			t.Errorf("%d pictures of %s: got notes %v, want %v", c.pictures, c.body[len(c.body)-300:], ev.Notices, c.want)
		}
	}
}

func TestTheTimeOfAPictureStandsInWithANote(t *testing.T) {
	ev := single(t, "hikvision", "", []byte(replaced("<dateTime>2026-05-21T10:10:06+02:00</dateTime>", "<absTime>20260521101006000</absTime>")))
	if !slices.Equal(ev.Notices, []Notice{NoticePictureTime}) || ev.stated.instant() != at(t, "2026-05-21T08:10:06Z") {
		t.Errorf("got %s", render([]*CameraEvent{ev}))
	}
}
